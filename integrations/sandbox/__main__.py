"""`python -m integrations.sandbox`: the sandbox authorities as a process of their own."""

from integrations.sandbox.server import main

main()
