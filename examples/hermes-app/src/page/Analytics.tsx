import type { ReactElement } from 'react';
import { useAnalyticsSSE, useQueueUpdatesSSE } from '../sse';
import { BarChart } from './BarChart';
import { bytes } from './format';
import { Sparkline } from './Sparkline';
import { useThroughput } from './useThroughput';

const count = (value: unknown): number => (typeof value === 'number' ? value : 0);

export function Analytics(): ReactElement {
  const { data: stats } = useAnalyticsSSE();
  const { data: queue } = useQueueUpdatesSSE();
  const speeds = useThroughput(queue);
  const running = queue?.items.filter((one) => one.status !== 'queued').length ?? 0;
  const bars = [
    { label: 'Running', value: running, tone: 'accent' },
    { label: 'Waiting', value: (queue?.items.length ?? 0) - running, tone: 'soft' },
    { label: 'Completed', value: count(stats?.completed), tone: 'good' },
    { label: 'Failed', value: count(stats?.failed), tone: 'bad' },
  ];
  return (
    <section className="card" aria-labelledby="analytics-title">
      <div className="card-head">
        <h2 id="analytics-title">Analytics</h2>
        <span className="hint">{bytes(count(stats?.downloaded_bytes))} so far</span>
      </div>
      <Sparkline title="Speed, the last minute" values={speeds} format={(value) => `${bytes(Math.round(value))}/s`} />
      <BarChart title="Downloads by state" bars={bars} />
    </section>
  );
}
