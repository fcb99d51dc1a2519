// What IoT services want of an MQTT client, for JavaScript: `import { aws } from 'wasmqtt/providers'`. All that is known of
// services is in C (src/provider).
export { Device, device } from './device.js';
export { ProviderError } from './errors.js';
export { Operator, operator } from './operator.js';
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
/** @typedef {import('./forms.js').Choice} Choice */
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
/** @typedef {import('./device_types.js').DeviceOptions} DeviceOptions */
/** @typedef {import('./device_types.js').SendOptions} SendOptions */
/** @typedef {import('./device_types.js').AlarmOptions} AlarmOptions */
/** @typedef {import('./device_types.js').Command} Command */
/** @typedef {import('./device_types.js').CommandHandler} CommandHandler */
/** @typedef {import('./device_types.js').DesiredHandler} DesiredHandler */
/** @typedef {import('./device_types.js').DesiredInfo} DesiredInfo */
/** @typedef {import('./device_types.js').DeviceState} DeviceState */
/** @typedef {import('./device_types.js').State} State */
/** @typedef {import('./device_types.js').DeviceReport} DeviceReport */
/** @typedef {import('./device_types.js').SeenDevice} SeenDevice */
/** @typedef {import('./device_types.js').CommandOptions} CommandOptions */
/** @typedef {import('./device_types.js').CommandAnswer} CommandAnswer */
