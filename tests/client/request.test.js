// Request and response by response topic and correlation data.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Peer, publish, rejection } from './peer.js';

/** @param {Peer} peer answers requests like a device behind the server */
function answering(peer) {
  const acknowledge = peer.answers.publish;
  peer.answers.publish = (packet, connection) => {
    acknowledge(packet, connection);
    const { responseTopic, correlationData } = packet.properties ?? {};
    if (packet.topic !== 'ask') return;
    connection.send(publish(responseTopic, 'not this one', { properties: { correlationData: Buffer.from('other') } }));
    connection.send(publish(responseTopic, `re: ${packet.payload}`, { properties: { correlationData } }));
  };
}

test('an answer is found by its correlation data', async () => {
  const peer = new Peer();
  answering(peer);
  const client = await peer.connect();
  const [a, b] = await Promise.all([client.request('ask', 'one'), client.request('ask', 'two')]);
  assert.equal(a.text(), 're: one');
  assert.equal(b.text(), 're: two');
  assert.equal(peer.last.count('subscribe'), 1, 'one response topic for all');
  await client.end();
});

test('no answer, nobody there, aborted, ended', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  assert.equal((await rejection(client.request('nobody', '', { timeout: 20 }))).code, 'timeout');
  const controller = new AbortController();
  const aborted = rejection(client.request('nobody', '', { signal: controller.signal }));
  controller.abort();
  assert.equal((await aborted).code, 'aborted');
  const open = rejection(client.request('nobody', ''));
  await peer.last.packet('publish', 2); // the aborted one never left
  peer.answers.publish = ({ messageId }, connection) => connection.send({ cmd: 'puback', messageId, reasonCode: 0x10 });
  const error = await rejection(client.request('nobody', ''));
  assert.equal(error.code, 'no-subscribers');
  assert.equal(error.phase, 'request');
  await client.end();
  assert.equal((await open).code, 'connection-ended');
});

test('3.1.1 needs a way of its own', async () => {
  const peer = new Peer();
  const client = await peer.connect({ protocolVersion: 4 });
  assert.equal((await rejection(client.request('ask'))).code, 'needs-mqtt-5');
  const acknowledge = peer.answers.publish;
  peer.answers.publish = (packet, connection) => {
    acknowledge(packet, connection);
    if (packet.topic === 'ask') connection.send(publish('reply', 'no'), publish('reply', 'yes'));
  };
  const reply = await client.request('ask', '', {
    responseTopic: 'reply',
    match: (message) => message.text() === 'yes',
  });
  assert.equal(reply.text(), 'yes');
  await client.end();
});
