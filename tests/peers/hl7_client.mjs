// Sends HL7 v2 messages with @medplum/hl7 to the port of the first argument: one JSON string a line on standard input,
// one line {"code", "controlId"} of each acknowledgement on standard output.

import { Hl7Message } from '@medplum/core';
import { Hl7Client } from '@medplum/hl7';
import { createInterface } from 'node:readline';

const client = new Hl7Client({ host: '127.0.0.1', port: Number(process.argv[2]), encoding: 'utf-8' });
for await (const line of createInterface({ input: process.stdin })) {
  const answer = await client.sendAndWait(Hl7Message.parse(JSON.parse(line)));
  const msa = answer.getSegment('MSA');
  console.log(JSON.stringify({ code: msa.getField(1).toString(), controlId: msa.getField(2).toString() }));
}
await client.close();
