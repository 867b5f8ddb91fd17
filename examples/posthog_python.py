"""Send events with the ordinary PostHog SDK: `pip install posthog`, then run this beside `furze serve`."""

import os

from posthog import Posthog

posthog = Posthog(os.environ["FURZE_PROJECT_API_KEY"], host=os.environ.get("FURZE_URL", "http://127.0.0.1:8000"))
posthog.capture("signed up", distinct_id="ada@example.com", properties={"plan": "pro", "$set": {"name": "Ada"}})
posthog.group_identify("company", "acorn", {"name": "Acorn Ltd"})
posthog.capture(
    "order completed", distinct_id="ada@example.com", properties={"revenue": 39.0}, groups={"company": "acorn"}
)
posthog.shutdown()
print("Sent. Now: furze query 'SELECT event, properties.revenue, person.properties.name FROM events'")
