// An MLLP receiver by @medplum/hl7: prints its port, then each message it receives as one JSON line
// {"controlId", "segments", "values": [OBX-5 …], "names": [PID-5 …]}, and acknowledges it as that library does.
// "enhanced" as the first argument answers CA and then AA, otherwise AA alone.

import { Hl7Server } from '@medplum/hl7';

const enhanced = process.argv[2] === 'enhanced';
const server = new Hl7Server((connection) => {
  connection.addEventListener('message', ({ message }) => {
    const values = message.getAllSegments('OBX').map((segment) => segment.getComponent(5, 1));
    console.log(JSON.stringify({
      controlId: message.getSegment('MSH').getField(10).toString(),
      segments: message.segments.map((segment) => segment.name),
      family: message.getSegment('PID').getComponent(5, 1),
      values,
    }));
    if (enhanced) {
      connection.send(message.buildAck({ ackCode: 'CA' }));
    }
    connection.send(message.buildAck({ ackCode: 'AA' }));
  });
});
await server.start(0);
console.log(JSON.stringify({ port: server.server.address().port }));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
