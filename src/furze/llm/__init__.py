"""Language models behind one protocol, and the tools they may call."""
