"""Fetch every exam released to an authority: python docs/pull_with_fhirpy.py KEY_FILE [BASE_URL]"""

import json
import sys
import time
import uuid
from pathlib import Path

import jwt
import requests
from fhirpy import SyncFHIRClient

key = json.loads(Path(sys.argv[1]).read_text())  # a private JWK with client_id: var/demo/authorities/us.jwk.json
base = sys.argv[2] if len(sys.argv) > 2 else "http://localhost:8000"
smart = requests.get(f"{base}/fhir/.well-known/smart-configuration", timeout=10).json()
claims = {"iss": key["client_id"], "sub": key["client_id"], "aud": smart["token_endpoint"],
          "exp": int(time.time()) + 240, "jti": str(uuid.uuid4())}  # fmt: skip
assertion = jwt.encode(claims, jwt.PyJWK(key, algorithm="ES384").key, algorithm="ES384", headers={"kid": key["kid"]})
answer = requests.post(smart["token_endpoint"], timeout=10, data={
    "grant_type": "client_credentials", "scope": "system/*.rs", "client_assertion": assertion,
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"})  # fmt: skip
fhir = SyncFHIRClient(f"{base}/fhir", authorization=f"Bearer {answer.json()['access_token']}")
for composition in fhir.resources("Composition").include("Composition", "subject").fetch_all():
    document = fhir.execute(f"Composition/{composition.id}/$document", method="get")
    print(composition["title"], document["id"], len(document["entry"]), "entries")
