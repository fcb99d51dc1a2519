/** Errors as the page tells them. */

/**
 * An MqttError or ProviderError, as shown. rule: nothing was sent, since the service forbids it; field: of the service's form.
 * @typedef {{ message: string, hint: string, code: string, reasonCode: number | undefined, field?: string | undefined }} Trouble
 */

/**
 * @param {unknown} error an MqttError, or anything else thrown
 * @returns {Trouble}
 */
export function troubleOf(error) {
  const { message = '', hint = '', code = '', reasonCode, field } = /** @type {Partial<Trouble>} */ (error ?? {});
  return {
    message: String(message) || 'The connection was lost.',
    hint: String(hint),
    code: String(code),
    reasonCode,
    ...(field === undefined ? {} : { field }),
  };
}

/**
 * In one text, for beside an action that failed.
 * @param {unknown} error
 */
export function sentenceOf(error) {
  const { message, hint, code } = troubleOf(error);
  return [code === 'rule' ? 'Not sent.' : '', message, hint].filter(Boolean).join(' ');
}
