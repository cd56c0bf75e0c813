// Metrics in Prometheus' text format (version 0.0.4), for the admin alone. None covers what a home or its device does: the number of
// answers reveals how many homes stayed silent.
import type { Role } from './roles.ts';

/** One metric value with its labels. */
export interface Sample {
  labels?: Readonly<Record<string, string>>;
  value: number;
}

export interface Metric {
  name: string;
  help: string;
  type: 'counter' | 'gauge';
  samples: readonly Sample[];
}

/** Roles whose calls are counted: only those that concern no clip. */
const COUNTED: readonly Role[] = ['public', 'agency', 'partner', 'partner-signature', 'moderator', 'admin'];

/** Calls by role and by the first digit of their status. */
export class CallCounts {
  private readonly counts = new Map<string, number>();

  note(role: Role, method: string, status: number): void {
    // Among the public routes, only uploads have OPTIONS.
    if (!COUNTED.includes(role) || method === 'OPTIONS') return;
    const key = `${role} ${Math.floor(status / 100)}xx`;
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  metric(): Metric {
    const samples = [...this.counts].sort().map(([key, value]) => {
      const [role = '', status = ''] = key.split(' ');
      return { labels: { role, status }, value };
    });
    return { name: 'doorsill_http_calls_total', help: 'Calls, those about clips left out.', type: 'counter', samples };
  }
}

/** Metrics in Prometheus' text format. */
export function printMetrics(metrics: readonly Metric[]): string {
  return metrics.map(printed).join('');
}

function printed({ name, help, type, samples }: Metric): string {
  const lines = samples.map(({ labels = {}, value }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
