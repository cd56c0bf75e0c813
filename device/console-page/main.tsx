// Owns: starting the console's page. The pairing code leaves the address first, so that no history, bookmark or photograph keeps it.
import './zod-without-eval.ts';
import { render } from 'preact';
import { App } from './app.tsx';
import { pairingCodeIn } from './pairing/pairing-code.ts';

const code = pairingCodeIn(location.hash);
if (code) history.replaceState(null, '', location.pathname);
// A drawn link that is pasted over this page’s own address changes only what is behind `#`.
addEventListener('hashchange', () => {
  if (pairingCodeIn(location.hash)) location.reload();
});
const place = document.getElementById('page');
if (place) render(<App code={code} />, place);
