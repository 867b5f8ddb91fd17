"""The released posthog-node, unmodified."""

import json
from pathlib import Path

from tests.capture.site import Site
from tests.compatibility.conftest import run_node
from tests.conftest import PROJECT_KEY

from furze.identity import store as identities

_SCRIPT = """
const { PostHog } = require('posthog-node')
const { HOST, KEY, UNIQUE } = process.env
const anon = 'anon-' + UNIQUE, user = 'user-' + UNIQUE, other = 'other-' + UNIQUE
async function main() {
  const client = new PostHog(KEY, { host: HOST, flushAt: 20, flushInterval: 100 })
  client.on('error', error => { console.log('FAILED', error); process.exitCode = 1 })
  client.capture({ distinctId: anon, event: 'view', properties: { page: '/', nested: { list: [1, 'zwei', null] } } })
  await client.flush()
  client.capture({ distinctId: user, event: 'buy', properties: { price: 9.5 }, groups: { company: UNIQUE } })
  client.identify({ distinctId: user, properties: { email: 'ann@shop.example', $set_once: { source: 'ads' } } })
  client.alias({ distinctId: user, alias: anon })
  client.groupIdentify({ groupType: 'company', groupKey: UNIQUE, properties: { name: 'Acme' } })
  client.capture({ distinctId: other, event: 'personless', properties: { $process_person_profile: false } })
  client.captureException(new Error('out of stock'), user)
  console.log('flags', JSON.stringify(await client.getAllFlags(user)))
  await client.shutdown()
}
main()
"""


def test_what_node_captures_comes_back(server: Site, unique: str, node_folder: Path) -> None:
    printed = run_node(node_folder, _SCRIPT, HOST=server.url, KEY=PROJECT_KEY, UNIQUE=unique)
    assert "flags {}" in printed
    assert "FAILED" not in printed
    anon, user, other = (f"{name}-{unique}" for name in ("anon", "user", "other"))
    (view,) = server.events(anon, 1)[:1]
    properties = json.loads(view["properties"])
    assert (properties["page"], properties["nested"]) == ("/", {"list": [1, "zwei", None]})
    assert properties["$lib"] == "posthog-node"
    names = {event["event"] for event in server.events(user, 4)}
    assert {"buy", "$identify", "$create_alias", "$exception"} <= names
    person = server.database.read_now(identities.get_person_by_distinct_id, 1, anon)
    assert person is not None
    assert set(person.distinct_ids) == {anon, user}
    assert person.properties == {"email": "ann@shop.example", "source": "ads"}
    groups = server.await_rows(
        "SELECT group_properties FROM groups FINAL WHERE group_key = {key:String}", 1, key=unique
    )
    assert json.loads(groups[0][0]) == {"name": "Acme"}
    assert server.events(other, 1)[0]["person_mode"] == "propertyless"
    assert server.database.read_now(identities.get_person_by_distinct_id, 1, other) is None
    asked = server.ask("SELECT DISTINCT person_id FROM events WHERE distinct_id IN {ids}", ids=[anon, user])
    assert asked == [[str(person.uuid)]]
    assert server.ask("SELECT properties.email FROM persons WHERE id = {id}", id=str(person.uuid)) == [
        ["ann@shop.example"]
    ]
