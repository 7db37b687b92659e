"""Gradio remembers nothing of a page between two commands: ours keeps no state in it, and each would add to it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gradio as gr
from fastapi import FastAPI
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder


class _Nothing(StateHolder):
    """Has a new state for whoever asks."""

    def __getitem__(self, session_id: str) -> SessionState:
        """See StateHolder."""
        # Without blocks of its own it does not describe each of them for links that nobody can make.
        bare: Any = SimpleNamespace(default_config=self.blocks.default_config, blocks={})
        return _Bare(bare)


class _Bare(SessionState):
    """Does not describe a component each time that its value comes: nobody asks for that, and it takes as long as all
    else that Gradio does for a command."""

    def __setitem__(self, key: int, value: Any) -> None:
        """See SessionState."""
        self.blocks_config.blocks[key] = value

    def _update_value_in_config(self, key: int, value: Any) -> None: ...


def keep_no_state(app: FastAPI, blocks: gr.Blocks) -> None:
    """Call it when `blocks` have been mounted on `app`.

    A session is kept until ten thousand are, and in it eight new components for each command that leaves the panel
    as it is: 30 kB a command, and more for each page that was ever opened.
    """
    make: Any = _Nothing
    holder: StateHolder = make()
    holder.set_blocks(blocks)
    mounted = [inner for one in app.routes if isinstance(inner := getattr(one, "app", None), App)]
    assert mounted, "Gradio mounts an app of its own"
    for inner in mounted:
        inner.state_holder = holder
