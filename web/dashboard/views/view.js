/**
 * What all components share: they render into the page itself (one style sheet, and labels may refer across components),
 * look at the session, and update at most once per animation frame, when something they care for changed.
 */

import { LitElement } from 'lit';

/** @typedef {import('../session.js').Session} Session */

export class View extends LitElement {
  /** Set by the parent, before the component is connected. @type {Session} */
  session = /** @type {any} */ (undefined);

  /** @type {() => void} */
  unwatch = () => {};

  /** @override */
  createRenderRoot() {
    return this;
  }

  /** @override */
  connectedCallback() {
    super.connectedCallback();
    this.unwatch = this.session.painter.watch((bits) => {
      if (this.cares(bits)) this.requestUpdate();
    });
  }

  /** @override */
  disconnectedCallback() {
    super.disconnectedCallback();
    this.unwatch();
  }

  /**
   * @param {number} _bits of CHANGED
   * @returns {boolean} whether to render anew
   */
  cares(_bits) {
    return true;
  }
}
