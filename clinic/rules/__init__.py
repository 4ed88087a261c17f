"""The rule engine: facts in, decision out; pure, without Flask, database or clock (docs: the decision contract)."""
