/**
 * A long list of rows of one height, of which only those in the viewport exist, but for the printer. The page itself
 * scrolls.
 *
 * Expects in the host: an element `.virtual` (as high as all rows) holding one `.virtual-rows` (moved down to the first
 * rendered row), whose children are the rows.
 */

/** Rows rendered beyond each edge, so that a quick scroll does not show the bare ground. */
const MARGIN = 8;

/** Most rows that are printed: some thousand would keep the browser busy for many seconds. */
const PRINTED = 1000;

export class VirtualRows {
  /** @param {import('lit').ReactiveControllerHost & HTMLElement} host */
  constructor(host) {
    this.host = host;
    this.rowHeight = 36;
    this.count = 0;
    this.first = 0;
    this.last = 0;
    this.printing = false;
    this.look = () => this.measure() && host.requestUpdate();
    this.print = (/** @type {Event} */ { type }) => {
      this.printing = type === 'beforeprint';
      this.look();
    };
    host.addController(this);
  }

  hostConnected() {
    addEventListener('scroll', this.look, { passive: true });
    addEventListener('resize', this.look);
    addEventListener('beforeprint', this.print);
    addEventListener('afterprint', this.print);
  }

  hostDisconnected() {
    removeEventListener('scroll', this.look);
    removeEventListener('resize', this.look);
    removeEventListener('beforeprint', this.print);
    removeEventListener('afterprint', this.print);
  }

  /**
   * Call while rendering.
   * @param {number} count all rows
   * @returns {{ first: number, last: number }} the rows to render, last exclusive
   */
  range(count) {
    this.count = count;
    this.measure();
    return { first: this.first, last: this.last };
  }

  /** @returns {boolean} whether the range changed */
  measure() {
    const { first, last } = this;
    const list = this.host.querySelector('.virtual');
    const top = list ? list.getBoundingClientRect().top : 0;
    this.first = Math.max(0, Math.min(this.count, Math.floor(-top / this.rowHeight)) - MARGIN);
    this.last = Math.min(this.count, Math.ceil((innerHeight - top) / this.rowHeight) + MARGIN);
    if (this.printing) [this.first, this.last] = [0, Math.min(this.count, PRINTED)];
    if (this.last < this.first) this.last = this.first;
    return first !== this.first || last !== this.last;
  }

  hostUpdated() {
    const list = /** @type {HTMLElement | null} */ (this.host.querySelector('.virtual'));
    const rows = /** @type {HTMLElement | null} */ (list?.querySelector('.virtual-rows') ?? null);
    if (!list || !rows) return;
    const row = /** @type {HTMLElement | null} */ (rows.firstElementChild);
    if (row && row.offsetHeight > 0) this.rowHeight = row.offsetHeight;
    list.style.height = `${this.count * this.rowHeight}px`;
    rows.style.transform = `translateY(${this.first * this.rowHeight}px)`;
    if (this.measure()) this.host.requestUpdate();
  }

  /**
   * Scrolls the page until a row is in sight, below what is stuck to the top.
   * @param {number} index
   * @param {number} covered height of what covers the top of the page
   */
  reveal(index, covered) {
    const list = this.host.querySelector('.virtual');
    if (!list) return;
    const top = list.getBoundingClientRect().top + index * this.rowHeight;
    // Whole pixels outwards: the page scrolls by whole ones.
    if (top < covered) scrollBy(0, Math.floor(top - covered));
    else if (top + this.rowHeight > innerHeight) scrollBy(0, Math.ceil(top + this.rowHeight - innerHeight));
  }
}
