"""customer_profile_configs, as a client sees them."""

import pytest
from tests.conftest import Furze

CONFIGS = "customer_profile_configs/"


@pytest.mark.parametrize("mount", ["projects", "environments"])
def test_a_config_is_created_and_read_back_on_both_mounts(furze: Furze, mount: str) -> None:
    created = furze.client.post(furze.api(CONFIGS, mount), json={"scope": "person", "content": [{"type": "ph-person"}]})
    assert created.status_code == 201, created.text
    body = created.json()
    assert set(body) == {"id", "scope", "content", "sidebar", "pinned_properties", "created_at", "updated_at"}
    assert (body["scope"], body["content"], body["sidebar"]) == ("person", [{"type": "ph-person"}], {})
    for other in ("projects", "environments"):
        assert furze.client.get(furze.api(f"{CONFIGS}{body['id']}", other)).json() == body
