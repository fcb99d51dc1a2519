// What IoT services want of an MQTT client, for JavaScript: `import { aws } from 'wasmqtt/providers'`. All that is known of
// services is in C (src/provider).
export { ProviderError } from './errors.js';
export {
  alibaba,
  aws,
  azureEventGrid,
  azureIotHub,
  broker,
  clearblade,
  cumulocity,
  emqx,
  hivemq,
  mosquitto,
  profile,
  rabbitmq,
  scaleway,
  ServiceProfile,
  vernemq,
} from './profiles.js';
export { loadProviders } from './providers.js';

/** @typedef {import('./providers.js').Providers} Providers */
/** @typedef {import('./forms.js').Service} Service */
/** @typedef {import('./forms.js').Field} Field */
/** @typedef {import('./forms.js').FieldKind} FieldKind */
/** @typedef {import('./forms.js').Fault} Fault */
/** @typedef {import('./forms.js').Values} Values */
/** @typedef {import('./login.js').Login} Login */
/** @typedef {import('./login.js').Seat} Seat */
/** @typedef {import('./profiles.js').ProfileOptions} ProfileOptions */
/** @typedef {import('./profiles.js').ValuesSource} ValuesSource */
/** @typedef {import('./rules.js').Rules} Rules */
/** @typedef {import('./rules.js').RuleName} RuleName */
/** @typedef {import('./rules.js').RuleAction} RuleAction */
/** @typedef {import('./rules.js').Finding} Finding */
/** @typedef {import('./rules.js').Overrides} Overrides */
/** @typedef {import('./smartrest.js').SmartRest} SmartRest */
/** @typedef {import('./smartrest.js').Row} Row */
/** @typedef {import('./smartrest.js').RowError} RowError */
/** @typedef {import('./topics.js').Topics} Topics */
/** @typedef {import('./topics.js').TopicKind} TopicKind */
/** @typedef {import('./topics.js').TopicParts} TopicParts */
/** @typedef {import('./topics.js').Bag} Bag */
