"""Whom a program may reach: what the configuration names and nothing else, said alike to nftables and to systemd."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tavs.config import Advice, Config, Intake, Metrics, Panel, Siprec
from tavs.errors import ConfigError
from tavs.host import firewall
from tavs.host.home import Home
from tavs.host.reach import NOBODY, drop_in, known_hosts, mark, nftables, privileged, reach

HOSTS = known_hosts("127.0.0.1 localhost\n192.0.2.40 model.example model\n2001:db8::40 model.example\nnonsense here\n")
SITE = Config(
    intake=Intake(
        siprec=Siprec(
            listen=("udp:0.0.0.0:5060", "tcp:[::]:5070"),
            allow=("198.51.100.7/32", "2001:db8:7::/64"),
            media_allow=("198.51.100.0/24",),
            media_ports="30000-30099",
        )
    ),
    advice=Advice(engine="openai", endpoint="https://model.example:8000/v1", model="m"),
    panel=Panel(listen="0.0.0.0:8443", allow=("10.1.0.0/16",)),
)


def test_the_listener_serves_the_pbx_on_its_ports_and_calls_nobody() -> None:
    listen, _, _ = reach(SITE, HOSTS)
    assert ((5060, 5060), (30000, 30099)) == listen.udp
    assert ((5070, 5070),) == listen.tcp
    assert ["198.51.100.0/24", "2001:db8:7::/64"] == [str(each) for each in listen.peers]
    assert () == listen.endpoints


def test_the_desk_serves_agents_and_a_collector_and_calls_the_one_endpoint() -> None:
    _, desk, _ = reach(SITE, HOSTS)
    assert (((8443, 8443), (9464, 9464)), ()) == (desk.tcp, desk.udp)
    assert ["10.1.0.0/16", "127.0.0.0/8", "::1/128"] == [str(each) for each in desk.peers]
    assert [("192.0.2.40", 8000), ("2001:db8::40", 8000)] == [(str(host), port) for host, port in desk.endpoints]


def test_without_page_and_figures_and_with_the_local_ranker_the_desk_reaches_nobody() -> None:
    quiet = Config(
        panel=Panel(listen=""), metrics=Metrics(listen=""), advice=Advice(endpoint="https://model.example:8000/v1")
    )
    assert NOBODY[1] == reach(quiet, HOSTS)[1]


def test_the_sweep_reaches_nobody() -> None:
    assert NOBODY[2] == reach(SITE, HOSTS)[2]


@pytest.mark.parametrize(
    ("endpoint", "reached"),
    [
        ("https://192.0.2.9/v1", [("192.0.2.9", 443)]),
        ("http://[2001:db8::9]:81", [("2001:db8::9", 81)]),
        ("http://LOCALHOST/v1", [("127.0.0.1", 80)]),
    ],
)
def test_an_endpoint_is_an_address_or_a_name_of_etc_hosts(endpoint: str, reached: list[tuple[str, int]]) -> None:
    desk = reach(Config(advice=Advice(engine="openai", endpoint=endpoint)), HOSTS)[1]
    assert reached == [(str(host), port) for host, port in desk.endpoints]


@pytest.mark.parametrize(
    "config",
    [
        Config(advice=Advice(engine="openai", endpoint="https://elsewhere.example/v1")),
        Config(advice=Advice(engine="openai", endpoint="")),
        Config(advice=Advice(engine="openai", endpoint="https://model.example:port/v1")),
        Config(intake=Intake(siprec=Siprec(listen=("udp:0.0.0.0:0",)))),
        Config(intake=Intake(siprec=Siprec(listen=("udp:0.0.0.0",)))),
        Config(intake=Intake(siprec=Siprec(media_ports="2000-1000"))),
        Config(intake=Intake(siprec=Siprec(allow=("pbx.example",)))),
        Config(panel=Panel(listen="0.0.0.0:https")),
        Config(panel=Panel(allow=("10.0.0.0/40",))),
    ],
)
def test_what_cannot_be_a_rule_is_a_sentence(config: Config) -> None:
    with pytest.raises(ConfigError) as caught:
        reach(config, HOSTS)
    assert caught.value.hint


def test_the_units_are_told_the_same() -> None:
    listen, desk, keep = (drop_in(each).splitlines() for each in reach(SITE, HOSTS))
    assert {"IPAddressAllow=198.51.100.0/24", "SocketBindAllow=udp:5060", "SocketBindAllow=udp:30000-30099"} < {*listen}
    assert {"IPAddressAllow=192.0.2.40", "IPAddressAllow=10.1.0.0/16", "SocketBindAllow=tcp:8443"} < {*desk}
    assert ["[Service]"] == keep[1:]


def test_rules_are_told_apart_by_their_mark() -> None:
    rules, others = nftables(reach(SITE, HOSTS)), nftables(NOBODY)
    assert 64 == len(mark(rules))
    assert mark(rules) != mark(others)
    assert "" == mark('table inet filter {\n\tcomment "mine"\n}\n')


def test_a_packet_of_nobodys_meets_no_rule_that_refuses() -> None:
    """One without a socket has no user: no base chain may end in a refusal."""
    for chain in nftables(reach(SITE, HOSTS)).split("\tchain ")[1:]:
        if "hook" in chain:
            assert "policy accept" in chain
            assert not any(verdict in chain for verdict in ("reject", "drop"))


def test_ports_of_root_are_named() -> None:
    assert [443] == privileged(reach(Config(panel=Panel(listen="0.0.0.0:443")), HOSTS))
    assert [] == privileged(reach(SITE, HOSTS))


NETWORKS = st.lists(
    st.one_of(
        st.tuples(st.ip_addresses(v=4), st.integers(0, 32)), st.tuples(st.ip_addresses(v=6), st.integers(0, 128))
    ).map(lambda pair: f"{pair[0]}/{pair[1]}"),
    max_size=6,
)


@given(NETWORKS)
def test_networks_of_a_set_never_overlap(texts: list[str]) -> None:
    config = Config(intake=Intake(siprec=Siprec(allow=tuple(texts))))
    peers = reach(config, HOSTS)[0].peers
    for each in peers:
        assert not any(each.version == other.version and each != other and each.overlaps(other) for other in peers)


@given(st.text(max_size=200))
def test_any_file_of_hosts_can_be_read(text: str) -> None:
    assert all(known_hosts(text).values())


def test_nft_takes_the_rules() -> None:
    if shutil.which("nft", path="/usr/sbin:/usr/bin") is None:
        pytest.skip("nft is not installed")
    rules = nftables(reach(SITE, HOSTS)) + nftables(NOBODY)
    for number, program in enumerate(("listen", "desk", "keep"), start=60001):
        rules = rules.replace(f'"tavs-{program}"', str(number))
    done = subprocess.run(
        ["unshare", "-n", "/usr/sbin/nft", "-f", "-"], input=rules, capture_output=True, text=True, check=False
    )
    if "Operation not permitted" in done.stderr:
        pytest.skip("nft needs a network namespace, which needs root")
    assert (0, "") == (done.returncode, done.stderr)


def test_without_a_valid_configuration_no_drop_in_is_written(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.etc.mkdir(parents=True)
    firewall.write_drop_ins(home, tmp_path / "good")
    assert 3 == len(list((tmp_path / "good").glob("tavs-*.service.d/50-reach.conf")))
    (home.etc / "tavs.toml").write_text('[intake.siprec]\nallow = ["all"]\n')
    with pytest.raises(ConfigError):
        firewall.write_drop_ins(home, tmp_path / "bad")
    assert not (tmp_path / "bad").exists()
