// Owns: the report's page at its start. Not here: what it shows (app.tsx), the document around it (../report-html.ts).
import { render } from 'preact';
import { App } from './app.tsx';
import './report.css';
import './details.css';
import './timeline.css';
import { readRun } from './report-data.ts';

const place = document.getElementById('page');
if (place) render(<App run={readRun()} />, place);
