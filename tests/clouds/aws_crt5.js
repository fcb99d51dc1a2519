// aws-crt's MQTT 5 client, as a program of its own: the client's native part keeps a process alive for good. Connects, gets
// back a message that it sent, and prints what CONNACK said. What it has to know comes from the environment.
import { once } from 'node:events';
import { auth, iot, mqtt5 } from 'aws-crt';

const { port, ca, form } = JSON.parse(process.env.AWS ?? '');
const { AwsIotMqtt5ClientConfigBuilder: Builder } = iot;
const builder =
  form.auth === 'sigv4'
    ? Builder.newWebsocketMqttBuilderWithSigv4Auth('localhost', {
        region: form.region,
        credentialsProvider: auth.AwsCredentialsProvider.newStatic(form['access-key'], form['secret-key']),
      })
    : Builder.newWebsocketMqttBuilderWithCustomAuth('localhost', {
        authorizerName: form.authorizer,
        tokenKeyName: form['token-key'],
        tokenValue: form.token,
        tokenSignature: form['token-signature'],
        username: form.username,
        password: Buffer.from(form.password),
      });
const client = new mqtt5.Mqtt5Client(
  builder
    .withCertificateAuthority(ca)
    .withPort(port)
    .withConnectProperties({ keepAliveIntervalSeconds: 5, clientId: form.auth })
    .build(),
);
client.on('connectionFailure', ({ error }) => {
  console.log(`${error}`);
  process.exit(1);
});
const connected = once(client, 'connectionSuccess');
client.start();
const [{ connack, settings }] = await connected;
const came = once(client, 'messageReceived');
await client.subscribe({ subscriptions: [{ topicFilter: 'room', qos: 1 }] });
await client.publish({ topicName: 'room', qos: 1, payload: 'hello' });
const { payload } = (await came)[0].message;
const stopped = once(client, 'stopped');
client.stop();
await stopped;
console.log(JSON.stringify([Buffer.from(payload).toString(), connack.maximumQos, settings.serverKeepAlive]));
process.exit(0);
