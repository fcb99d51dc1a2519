// What prettier (form) and tsc (types, names) do not see: likely mistakes, and what our Content-Security-Policy forbids.
import js from '@eslint/js';

export default [
  { ignores: ['build/', 'dist/', 'wasm/library_webcrypto.js'] },
  js.configs.recommended,
  {
    rules: {
      'no-undef': 'off', // tsc knows every name, and what is there in a page and in Node
      'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' }],
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    files: ['web/**', 'wasm/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        { property: 'innerHTML', message: 'Text from outside is only ever text: use textContent or a template.' },
        { property: 'outerHTML', message: 'Text from outside is only ever text: use textContent or a template.' },
      ],
    },
  },
];
