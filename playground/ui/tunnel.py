"""An address on the internet for a while, by Gradio's tunnel. Used where a person asked for it, and never else."""

from __future__ import annotations

import logging
import secrets

from playground.errors import MissingError

log = logging.getLogger(__name__)


def open_tunnel(port: int, *, offline: bool) -> str:
    """The address that leads to `port` of this machine. Raises MissingError where there is none to be had.

    What goes through it passes Gradio's servers, where the encryption ends.
    """
    if offline:
        raise MissingError("A tunnel needs the network, and this app is offline. Start it without --offline.")
    try:
        from gradio.networking import setup_tunnel

        return str(setup_tunnel("127.0.0.1", port, secrets.token_urlsafe(32), None, None))
    except Exception as error:
        log.warning("no tunnel: %s", error, exc_info=True)
        raise MissingError(
            "A tunnel cannot be had: Gradio's servers, or the program for it, could not be reached. "
            "Share in your own network with --host, or let a tunnel "
            f"of your own lead to 127.0.0.1:{port}."
        ) from None
