"""The demo: a believable shop, sent through the doors that any client uses."""
