// Renders the report's page.
import { render } from 'preact';
import { App } from './app.tsx';
import './report.css';
import './details.css';
import './timeline.css';
import { readRun } from './report-data.ts';

const place = document.getElementById('page');
if (place) render(<App run={readRun()} />, place);
