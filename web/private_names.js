// Private names (#name) cost Firefox a tenth of the time of a message. So the bundles have ordinary properties with short names
// in their place, in the modules that run for every message and whose objects no user gets hold of; everything that a user
// holds keeps what is behind it in real ones. See tests/client/exposed.test.js.
import { accessSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import ts from 'typescript';

/** Internal, and in the way of every message. Not Client, Message, Subscription and iterators: users have those. */
const MODULES = [
  ...['core', 'memory', 'names', 'scratch'].map((name) => `wasm/${name}.js`),
  ...['clock', 'connection', 'inbox', 'machine', 'outbox', 'pending', 'settle', 'socket'].map(
    (name) => `web/client/${name}.js`,
  ),
];
const PREFIX = '_private_';

/**
 * A module's text with ordinary names. Those of each class are numbered, so that classes share them and the bundle has few;
 * which is well only while no object has those of two classes.
 * @param {string} text
 * @param {string} path for errors
 */
export function withoutPrivateNames(text, path) {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true, ts.ScriptKind.JS);
  /** By class and name. @type {Map<ts.ClassLikeDeclaration, Map<string, ts.Node[]>>} */
  const classes = new Map();
  /** @param {ts.Node} node */
  const visit = (node) => {
    if (ts.isPrivateIdentifier(node)) {
      const owner = ownerOf(node);
      if (owner.heritageClauses || ts.isBinaryExpression(node.parent)) {
        const { line } = file.getLineAndCharacterOfPosition(node.getStart());
        const what = owner.heritageClauses ? 'a class that extends another has' : "'in' asks for";
        throw new Error(`${path}:${line + 1}: ${what} ${node.text}, of which the build makes an ordinary name`);
      }
      const names = classes.get(owner) ?? new Map();
      classes.set(owner, names.set(node.text, [...(names.get(node.text) ?? []), node]));
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  const places = [...classes.values()].flatMap((names) =>
    [...names.values()].flatMap((nodes, number) =>
      nodes.map((node) => ({ from: node.getStart(), to: node.getEnd(), number })),
    ),
  );
  let code = text;
  for (const { from, to, number } of places.sort((a, b) => b.from - a.from)) {
    code = code.slice(0, from) + PREFIX + number + code.slice(to);
  }
  return code;
}

/** The class that declares it. @param {ts.PrivateIdentifier} name */
function ownerOf(name) {
  /** @type {ts.Node} */
  let node = name;
  for (;;) {
    node = node.parent;
    if (!ts.isClassLike(node)) continue;
    if (node.members.some(({ name: own }) => own && ts.isPrivateIdentifier(own) && own.text === name.text)) return node;
  }
}

/** For build(). @param {string} root of the tree */
export const privateNames = (root) => ({
  mangleProps: new RegExp(`^${PREFIX}`),
  plugins: [
    /** @type {import('esbuild').Plugin} */ ({
      name: 'private-names',
      setup(on) {
        for (const name of MODULES) accessSync(join(root, name)); // one that is renamed would keep its names unnoticed
        on.onLoad({ filter: /\/(wasm|web\/client)\/\w+\.js$/ }, async ({ path }) => {
          const name = relative(root, path);
          if (!MODULES.includes(name)) return undefined;
          return { contents: withoutPrivateNames(await readFile(path, 'utf8'), name) };
        });
      },
    }),
  ],
});
