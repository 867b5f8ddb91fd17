"""`python -m furze` is `furze`."""

from furze.cli import main

main()
