"""The released posthog-js, unmodified, in a page that jsdom makes: its own XMLHttpRequest and storage, no browser."""

import json
from pathlib import Path

from tests.capture.site import Site
from tests.compatibility.conftest import run_node
from tests.conftest import PROJECT_KEY

from furze.identity import store as identities

_SCRIPT = """
const fs = require('fs')
const { JSDOM, VirtualConsole } = require('jsdom')
const { HOST, KEY, UNIQUE } = process.env
const library = fs.readFileSync(require.resolve('posthog-js/dist/array.full.no-external.js'), 'utf8')
const log = new VirtualConsole()
log.on('jsdomError', error => console.log('PAGE', error.message))
log.on('error', (...all) => console.log('CONSOLE', ...all))
const page = new JSDOM(
  '<!doctype html><title>Shop</title><body><button id=buy class="big btn">Buy</button></body>',
  { url: 'http://127.0.0.1/shop', runScripts: 'outside-only', pretendToBeVisual: true, virtualConsole: log },
)
const { window } = page
const wait = milliseconds => new Promise(done => setTimeout(done, milliseconds))
async function main() {
  window.eval(library)
  window.posthog.init(KEY, {
    api_host: HOST, person_profiles: 'identified_only', capture_pageview: true, autocapture: true,
    bootstrap: { distinctID: 'anon-' + UNIQUE }, request_queue_config: { flush_interval_ms: 250 },
    disable_session_recording: true, loaded: () => console.log('LOADED'),
  })
  await wait(1000)
  window.posthog.capture('view', { page: '/', nested: { list: [1, 'zwei', null] } })
  window.document.getElementById('buy').click()
  await wait(100)
  window.posthog.identify('user-' + UNIQUE, { email: 'ann@shop.example' }, { source: 'ads' })
  window.posthog.group('company', UNIQUE, { name: 'Acme' })
  window.posthog.capture('buy', { price: 9.5 })
  window.posthog.alias('second-' + UNIQUE)
  window.posthog.capture('end')
  await wait(1500)
  page.window.close()
  process.exit(0)
}
main()
"""


def test_what_a_page_captures_comes_back(server: Site, unique: str, node_folder: Path) -> None:
    printed = run_node(node_folder, _SCRIPT, HOST=server.url, KEY=PROJECT_KEY, UNIQUE=unique)
    assert "LOADED" in printed
    anon, user = f"anon-{unique}", f"user-{unique}"
    server.events(user, 5)
    before = {event["event"]: event for event in server.events(anon, 2)}
    assert {"$pageview", "view"} <= set(before), printed
    properties = json.loads(before["view"]["properties"])
    assert (properties["page"], properties["nested"]) == ("/", {"list": [1, "zwei", None]})
    assert properties["$lib"] == "web"
    assert before["view"]["person_mode"] in ("propertyless", "full")
    after = {event["event"]: event for event in server.events(user, 5)}
    assert {"$identify", "$groupidentify", "buy", "$create_alias", "end"} <= set(after), printed
    person = server.database.read_now(identities.get_person_by_distinct_id, 1, anon)
    assert person is not None
    assert set(person.distinct_ids) == {anon, user, f"second-{unique}"}
    assert person.is_identified
    assert (person.properties["email"], person.properties["source"]) == ("ann@shop.example", "ads")
    overrides = "SELECT person_id FROM person_distinct_id FINAL WHERE distinct_id = {id:String} AND is_deleted = 0"
    assert server.rows(overrides, id=anon) == server.rows(overrides, id=user) == [(person.uuid,)]
    groups = server.await_rows(
        "SELECT group_properties FROM groups FINAL WHERE group_key = {key:String}", 1, key=unique
    )
    assert json.loads(groups[0][0]) == {"name": "Acme"}
    clicks = [event for event in (*before.values(), *after.values()) if event["event"] == "$autocapture"]
    assert clicks, printed
    assert clicks[0]["elements_chain"].startswith("button.big.btn")
    asked = server.ask("SELECT DISTINCT person_id FROM events WHERE distinct_id IN {ids}", ids=[anon, user])
    assert asked == [[str(person.uuid)]]
    assert server.ask("SELECT properties.email FROM persons WHERE id = {id}", id=str(person.uuid)) == [
        ["ann@shop.example"]
    ]
