// Reads an authority's exams with a client library: node fhir_client.mjs LIBRARY BASE KEY_FILE, where LIBRARY is
// fhirclient, fhir-kit-client or medplum, and KEY_FILE a private JWK with client_id. Prints one JSON object:
// {observations: [id …], pages, patient, everything, document: [type …], missing: {status, resourceType, code}}.

import { MedplumClient } from '@medplum/core';
import { Client as KitClient } from 'fhir-kit-client';
import { importJWK, SignJWT } from 'jose';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { default: SmartClient } = require('fhirclient/lib/Client');
const [library, base, keyFile] = process.argv.slice(2);
const fhirUrl = `${base}/fhir`;

async function signIn() {
  const smart = await (await fetch(`${fhirUrl}/.well-known/smart-configuration`)).json();
  const key = JSON.parse(readFileSync(keyFile));
  const assertion = await new SignJWT({})
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT' })
    .setIssuer(key.client_id).setSubject(key.client_id).setAudience(smart.token_endpoint)
    .setExpirationTime('4m').setJti(randomUUID()).sign(await importJWK(key, key.alg));
  const answer = await fetch(smart.token_endpoint, { method: 'POST', body: new URLSearchParams({
    grant_type: 'client_credentials', scope: 'system/*.rs', client_assertion: assertion,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  }) });
  return (await answer.json()).access_token;
}

const ids = (pages) => pages.flatMap((page) => (page.entry ?? []).map((entry) => entry.resource.id));
const types = (bundle) => bundle.entry.map((entry) => entry.resource.resourceType);
const tell = (pages, patient, everything, document, missing) => console.log(JSON.stringify({
  observations: ids(pages), pages: pages.length, patient: patient.resourceType, everything: everything.total,
  document: types(document), missing,
}));

const readers = {
  async fhirclient(token) {
    const client = new SmartClient({}, { serverUrl: fhirUrl, tokenResponse: { access_token: token } });
    const pages = await client.request('Observation?_count=2', { pageLimit: 0 });
    const subject = pages[0].entry[0].resource.subject.reference;
    const composition = await client.request(`Composition?patient=${subject}`);
    const missing = await client.request('Patient/nobody').catch((error) => {
      const outcome = JSON.parse(error.message.split('\n\n')[1]);  // the library puts the answer behind its own words
      return { status: error.statusCode, resourceType: outcome.resourceType, code: outcome.issue[0].code };
    });
    tell(pages, await client.request(subject), await client.request(`${subject}/$everything`),
      await client.request(`Composition/${composition.entry[0].resource.id}/$document`), missing);
  },
  async 'fhir-kit-client'(token) {
    const client = new KitClient({ baseUrl: fhirUrl, bearerToken: token });
    const statement = await client.capabilityStatement();
    if (statement.fhirVersion !== '4.0.1') {
      throw new Error(statement.fhirVersion);
    }
    const pages = [await client.search({ resourceType: 'Observation', searchParams: { _count: 2 } })];
    for (let next; (next = await client.nextPage({ bundle: pages.at(-1) }));) {
      pages.push(next);
    }
    const reference = pages[0].entry[0].resource.subject.reference;
    const id = reference.split('/')[1];
    const found = await client.search({ resourceType: 'Composition', searchParams: { patient: reference } });
    const missing = await client.read({ resourceType: 'Patient', id: 'nobody' }).catch((error) => ({
      status: error.response.status, resourceType: error.response.data.resourceType,
      code: error.response.data.issue[0].code,
    }));
    tell(pages, await client.read({ resourceType: 'Patient', id }),
      await client.operation({ name: '$everything', resourceType: 'Patient', id, method: 'GET' }),
      await client.operation({ name: '$document', resourceType: 'Composition', id: found.entry[0].resource.id, method: 'GET' }),
      missing);
  },
  async medplum(token) {
    const client = new MedplumClient({ baseUrl: base, fhirUrlPath: 'fhir', fetch });
    client.setAccessToken(token);
    const pages = [await client.search('Observation', '_count=2')];
    for (let next; (next = pages.at(-1).link.find((link) => link.relation === 'next'));) {
      pages.push(await client.get(next.url));
    }
    const patient = await client.readReference(pages[0].entry[0].resource.subject);
    const composition = await client.searchOne('Composition', { patient: `Patient/${patient.id}` });
    const missing = await client.readResource('Patient', 'nobody').catch((error) => ({
      status: 404, resourceType: error.outcome.resourceType, code: error.outcome.issue[0].code,
    }));
    tell(pages, patient, await client.get(client.fhirUrl('Patient', patient.id, '$everything')),
      await client.get(client.fhirUrl('Composition', composition.id, '$document')), missing);
  },
};

await readers[library](await signIn());
