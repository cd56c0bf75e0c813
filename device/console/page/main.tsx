// Owns: starting the console's page.
import './zod-without-eval.ts';
import { render } from 'preact';

const place = document.getElementById('page');
if (place) render(<main>doorsill</main>, place);
