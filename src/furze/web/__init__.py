"""The console in a browser: files built from `console/`, served as they are."""
