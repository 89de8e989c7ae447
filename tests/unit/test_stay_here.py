"""No test leaves this machine."""

import socket

import pytest


def test_a_connection_to_elsewhere_is_refused_before_it_is_made() -> None:
    with socket.socket() as made, pytest.raises(PermissionError, match="a test tried to connect"):
        made.connect(("192.0.2.1", 443))
