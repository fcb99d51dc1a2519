// Which targets does a topic name concern? A tree of filter levels, so that the cost follows the topic's depth and not the
// number of filters.
import { checkTopic } from './errors.js';

/** @template T */
class Node {
  /** @type {Map<string, Node<T>>} */
  children = new Map();
  /** @type {Set<T>} targets of the filter that ends here */
  here = new Set();
  /** @type {Set<T>} targets of the filter that ends with # here */
  below = new Set();
}

/**
 * The filter that a topic is compared with: a shared one without its group.
 * @param {string} filter
 */
function comparable(filter) {
  checkTopic(filter);
  return filter.startsWith('$share/') ? filter.slice(filter.indexOf('/', 7) + 1) : filter;
}

/** @template T */
export class FilterTree {
  /** @type {Node<T>} */
  #root = new Node();

  /**
   * @param {string} filter
   * @param {T} target
   */
  add(filter, target) {
    let node = this.#root;
    const levels = comparable(filter).split('/');
    const all = levels.at(-1) === '#';
    if (all) levels.pop();
    for (const level of levels) {
      let child = node.children.get(level);
      if (!child) node.children.set(level, (child = new Node()));
      node = child;
    }
    (all ? node.below : node.here).add(target);
  }

  /**
   * @param {string} filter
   * @param {T} target
   */
  delete(filter, target) {
    const levels = comparable(filter).split('/');
    const all = levels.at(-1) === '#';
    if (all) levels.pop();
    const path = [this.#root];
    for (const level of levels) {
      const child = path[path.length - 1].children.get(level);
      if (!child) return;
      path.push(child);
    }
    const last = path[path.length - 1];
    (all ? last.below : last.here).delete(target);
    for (let i = levels.length; i > 0; i--) {
      const { children, here, below } = path[i];
      if (children.size || here.size || below.size) return;
      path[i - 1].children.delete(levels[i - 1]);
    }
  }

  /**
   * Every target with a filter that matches, once each.
   * @param {string} topic
   * @returns {T[]}
   */
  match(topic) {
    const levels = topic.split('/');
    /** @type {Set<T>} */
    const found = new Set();
    // A wildcard in the first level does not match $SYS and its kin [M3:4.7.2-1] [M5:4.7.2-1].
    const hidden = topic.startsWith('$');
    /** @type {(node: Node<T>, depth: number) => void} */
    const walk = (node, depth) => {
      const wild = depth > 0 || !hidden;
      if (wild) for (const target of node.below) found.add(target);
      if (depth === levels.length) {
        for (const target of node.here) found.add(target);
        return;
      }
      const exact = node.children.get(levels[depth]);
      if (exact) walk(exact, depth + 1);
      const any = wild && node.children.get('+');
      if (any) walk(any, depth + 1);
    };
    walk(this.#root, 0);
    return [...found];
  }
}

/**
 * @param {string} filter
 * @param {string} topic
 */
export function matches(filter, topic) {
  const tree = new FilterTree();
  tree.add(filter, true);
  return tree.match(topic).length > 0;
}
