"""Starts llama.cpp's own HTTP server in this process and says where it listens; ends when its input ends.

A program of its own for the tests of the remote engine; its arguments are a GGUF file, the context and the slots.
The key it wants is in the environment variable LLAMA_KEY.
"""

from __future__ import annotations

import os
import sys

from playground.engine.llamacpp_server import library


def main() -> None:
    """Serve until whoever started this closes the pipe, or is gone."""
    model, context, slots = sys.argv[1:]
    xllamacpp = library()
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_parallel = int(slots)
    params.n_ctx = int(context) * int(slots)
    params.n_batch = params.n_ubatch = 128
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1  # Two wait for each other on a busy machine.
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [os.environ["LLAMA_KEY"]]
    params.model_alias = {"starter"}
    params.ui = False
    params.verbosity = 0
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    os._exit(0)  # Its threads need not be waited for.


if __name__ == "__main__":
    main()
