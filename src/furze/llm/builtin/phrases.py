"""Phrases that several rules look for."""

from furze.llm.builtin.dates import NUMBERS

PEOPLE = (
    r"people|persons?|users?|visitors?|customers?|shoppers?|individuals?|humans?"
    r"|members?|everyone|everybody|anyone|somebody|someone|folks?"
)


BUYERS = r"buyers?|purchasers?|(?:paying|buying) (?:customers?|users?|people)"


COUNT = rf"(\d+|{'|'.join(NUMBERS)})"
