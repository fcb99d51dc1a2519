// Writes providers.md and providers.json beside itself: what each service takes, forbids and changes, as src/provider has it.
// `make providers` runs it; a test compares what is there with what it would write.
import { readFileSync, writeFileSync } from 'node:fs';
import { loadProviders } from '../providers/index.js';

/** @typedef {import('../providers/index.js').RuleName} RuleName */
/** @typedef {import('../providers/index.js').TopicKind} TopicKind */

const file = (/** @type {string} */ name) => new URL(name, import.meta.url);

const VERSIONS = { 3: '3.1', 4: '3.1.1', 5: '5.0' };
/** By name, with the columns of the first table. @type {[RuleName, string][]} */
const COLUMNS = [
  ['qos', 'QoS, publish'],
  ['subscribe-qos', 'QoS, subscribe'],
  ['retain', 'Retain'],
  ['will', 'Will'],
  ['clean', 'Sessions'],
  ['topic', 'Topics'],
];
const LIMITS = /** @type {const} */ ([
  'keep-alive-min',
  'keep-alive-max',
  'client-id-bytes',
  'payload-bytes',
  'state-bytes',
  'packet-bytes',
  'retain-bytes',
  'topic-bytes',
  'topic-slashes',
  'filters-at-once',
  'filters',
  'inflight',
  'publish-rate',
  'connect-rate',
]);
const REST = /** @type {const} */ ([
  'version',
  'will-topic',
  'client-id-first',
  'connect-properties',
  'filter',
  'wildcards',
  'wildcard-retained',
  'subscription-id',
]);
/** What a device sends, and what is sent to it. @type {TopicKind[][]} */
const KINDS = [
  ['telemetry', 'event', 'report', 'answer'],
  ['command', 'desired', 'state', 'job'],
];

/** The data: one entry a service, or a plan of one. */
export async function table() {
  const providers = await loadProviders({ wasm: readFileSync(file('../../dist/providers.wasm')) });
  const rows = providers.services.flatMap((service) => {
    const plans = service.fields.find(({ name }) => name === 'plan')?.choices ?? [{ value: '' }];
    return plans.map(({ value }) => ({ service, plan: value }));
  });
  return Promise.all(
    rows.map(async ({ service, plan }) => {
      const { name, title, versions, noOperator, fields } = service;
      const seat = {
        service: name,
        device: 'DEVICE',
        scope: fields.some(({ name }) => name === 'module') ? '' : 'SCOPE',
      };
      const { rules, topics } = await providers.open(seat, { values: plan ? { plan } : {} });
      const found = [...COLUMNS.map(([rule]) => rule), ...LIMITS, ...REST].flatMap((rule) => {
        const row = rules.get(rule);
        return row ? [[rule, { ...row, text: rules.text(rule).slice(title.length + 2) }]] : [];
      });
      const [out, into] = [
        KINDS[0].flatMap((kind) => topicOf(topics, kind)),
        KINDS[1].flatMap((kind) => topics.filters(kind).map((topic) => ({ kind, topic }))),
      ];
      return {
        ...{ name, title, plan, versions: versions.map((version) => VERSIONS[version]), operator: noOperator ?? true },
        ...{ rules: Object.fromEntries(found), deviceToCloud: out, cloudToDevice: into },
      };
    }),
  );
}

/** @param {import('../providers/index.js').Topics} topics @param {TopicKind} kind */
function topicOf(topics, kind) {
  try {
    return [{ kind, topic: topics.build(kind, { name: 'NAME', request: 'REQUEST', status: 200 }) }];
  } catch {
    return []; // the service has no such topic
  }
}

/** @param {string[][]} rows the first is the head */
function markdown([head, ...rows]) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** What the page says where a service has no such rule. @type {Partial<Record<RuleName, string>>} */
const FREE = { qos: '0, 1, 2', 'subscribe-qos': '0, 1, 2', clean: 'kept', topic: 'free' };

/** A cell of the first table. @param {RuleName} rule @param {Record<string, { action: string, value: number }>} rules */
function cell(rule, rules) {
  const row = rules[rule];
  const telemetry = rules['will-topic'];
  if (rule === 'will' && telemetry) return `to the telemetry topic (${telemetry.action})`;
  if (!row) return FREE[rule] ?? 'yes';
  const { action, value } = row;
  if (rule === 'qos' || rule === 'subscribe-qos') return `at most ${value} (${action})`;
  if (rule === 'clean') return `none (${action})`;
  if (rule === 'topic') return `${value ? 'its own, and free ones without $' : 'its own'} (${action})`;
  return `${value ? 'not on topics with $' : 'no'} (${action})`;
}

/** @param {Awaited<ReturnType<typeof table>>} services */
export function page(services) {
  const names = services.map(({ title, plan }) => (plan ? `${title}, ${plan}` : title));
  const rows = services.map(({ versions, operator, rules }, i) => [
    ...[names[i], versions.join(', '), ...COLUMNS.map(([rule]) => cell(rule, rules))],
    operator === true ? 'yes' : 'no',
  ]);
  const limits = services.map(({ rules }, i) => [
    names[i],
    ...LIMITS.map((rule) => (rules[rule] ? `${rules[rule].value} (${rules[rule].action})` : '')),
  ]);
  const sections = services.map(({ operator, rules, deviceToCloud, cloudToDevice }, i) => {
    const list = Object.entries(rules).map(([rule, { action, text }]) => `- \`${rule}\`, ${action}: ${text}`);
    const topics = [
      ...deviceToCloud.map(({ kind, topic }) => [kind, 'device to cloud', `\`${topic}\``]),
      ...cloudToDevice.map(({ kind, topic }) => [kind, 'cloud to device', `\`${topic}\``]),
    ];
    const other = operator === true ? 'Devices can reach each other, and an operator all of them.' : operator;
    return [`### ${names[i]}`, other, markdown([['What', 'Way', 'Topic or filter'], ...topics]), list.join('\n')].join(
      '\n\n',
    );
  });
  return `${[
    '# What each service takes',
    'Written by `make providers` from the tables of `src/provider`. What is in parentheses is what the library does where a ' +
      'message, subscription or connection goes beyond: `refuse` it with an error that names the rule, `adjust` it, or `warn` and ' +
      'go on. Each can be overridden.',
    markdown([['Service', 'MQTT', ...COLUMNS.map(([, title]) => title), 'Device to device'], ...rows]),
    '## Limits',
    'Keep-alives in seconds, sizes in bytes, rates a second. An empty cell is no limit that is known.',
    markdown([['Service', ...LIMITS.map((rule) => `\`${rule}\``)], ...limits]),
    '## Each service',
    ...sections,
  ].join('\n\n')}\n`;
}

if (process.argv[1] === file('').pathname) {
  const services = await table();
  writeFileSync(file('providers.json'), `${JSON.stringify(services, null, 2)}\n`);
  writeFileSync(file('providers.md'), page(services));
}
