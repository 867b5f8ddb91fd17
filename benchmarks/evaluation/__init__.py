"""Questions with answers that are computed without furze, in plain Python over the events of the demo."""
