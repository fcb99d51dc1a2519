// Which filters match a topic [M3:4.7] [M5:4.7], and that the tree forgets what is taken out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FilterTree } from '../../web/client/filters.js';

test('matching', () => {
  for (const [filter, topic, expected] of /** @type {[string, string, boolean][]} */ ([
    ['a/b', 'a/b', true],
    ['a/b', 'a/b/', false],
    ['a/+', 'a/b', true],
    ['a/+', 'a', false],
    ['a/+', 'a/', true],
    ['+', 'a', true],
    ['+', '/a', false],
    ['+/+', '/a', true],
    ['/+', '/a', true],
    ['#', 'a/b/c', true],
    ['a/#', 'a', true],
    ['a/#', 'a/b/c', true],
    ['a/#', 'ab', false],
    ['a/+/c', 'a/b/c', true],
    ['a/+/c', 'a/b/d', false],
    ['#', '$SYS/x', false],
    ['+/x', '$SYS/x', false],
    ['$SYS/#', '$SYS/x', true],
    ['$share/group/a/+', 'a/b', true],
    ['$share/group/a/+', '$share/group/a/b', false],
    ['__proto__/+', '__proto__/x', true],
    ['constructor', 'constructor', true],
    ['constructor', 'toString', false],
  ])) {
    const tree = new FilterTree();
    tree.add(filter, 'it');
    assert.deepEqual(tree.match(topic), expected ? ['it'] : [], `${filter} ${topic}`);
    tree.delete(filter, 'it');
    assert.deepEqual(tree.match(topic), [], `${filter} taken out`);
  }
});

test('a target is found once, and the rest stays when one is taken out', () => {
  const tree = new FilterTree();
  for (const filter of ['a/#', 'a/+', 'a/b', '#']) tree.add(filter, 'one');
  tree.add('a/b', 'two');
  assert.deepEqual(tree.match('a/b').sort(), ['one', 'two']);
  tree.delete('a/b', 'one');
  tree.delete('nowhere/at/all', 'one');
  assert.deepEqual(tree.match('a/b').sort(), ['one', 'two']);
  tree.delete('a/b', 'two');
  assert.deepEqual(tree.match('a/b'), ['one']);
});
