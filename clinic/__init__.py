"""The clinic's own language: people, cases, examinations, rules, states and screens; it knows nobody else."""
