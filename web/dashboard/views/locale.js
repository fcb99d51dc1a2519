// Some engines call the POSIX locale "C", which is no language tag: uPlot asks Intl for it as it loads, and would take the
// whole page with it. To be imported before uPlot.
try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, 'language', { value: 'en', configurable: true });
}
