// Starts the page. It removes the pairing code from the address first, so that no history, bookmark or photograph keeps it.
import './zod-without-eval.ts';
import { render } from 'preact';
import { App } from './app.tsx';
import { pairingCodeIn } from './pairing/pairing-code.ts';

const code = pairingCodeIn(location.hash);
const setup = pairingCodeIn(location.hash, 'setup');
if (code ?? setup) history.replaceState(null, '', location.pathname);
// Pasting a pairing link over this page’s own address changes only the fragment, which loads nothing.
addEventListener('hashchange', () => {
  if (pairingCodeIn(location.hash) ?? pairingCodeIn(location.hash, 'setup')) location.reload();
});
const place = document.getElementById('page');
if (place) render(<App code={code} setup={setup} />, place);
