"""Run by the python of `.venv-fhir-validator`: reads NDJSON resources, prints one JSON verdict a line.

In: one resource a line on standard input. Out: {"line": n, "errors": [text, …]} for each, in order.
"""

import json
import sys

from google.fhir.r4 import json_format
from google.fhir.r4.proto.core.resources.bundle_and_contained_resource_pb2 import ContainedResource


def main() -> None:
    """Judge every line; a line that cannot be read is an error of that line."""
    for number, line in enumerate(sys.stdin):
        errors = []
        try:
            json_format.json_fhir_string_to_proto(line, ContainedResource, validate=True, default_timezone="Z")
        except Exception as error:  # whatever it raises is its verdict
            errors.append(f"{type(error).__name__}: {error}")
        print(json.dumps({"line": number, "errors": errors}), flush=True)


if __name__ == "__main__":
    main()
