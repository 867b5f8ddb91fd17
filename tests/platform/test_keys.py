"""Personal API keys."""

from furze.platform.keys import hash_key, mask_key


def test_a_key_is_stored_only_as_its_hash() -> None:
    assert hash_key("test_key_12345") == "sha256$45af89b510a3279a817f851de5d3f95b73485d58ec2672a39e52d8aeeb014059"
    assert mask_key("phx_abcdefgh") == "phx_...efgh"
