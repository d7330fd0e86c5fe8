import type { ReactElement } from 'react';

const WIDTH = 320;
const HEIGHT = 72;
const TOP = 6;

export function Sparkline({
  title,
  values,
  format,
}: {
  title: string;
  values: number[];
  format: (value: number) => string;
}): ReactElement {
  const most = Math.max(...values);
  const last = values[values.length - 1] ?? 0;
  const step = WIDTH / Math.max(1, values.length - 1);
  const y = (value: number): number => (most === 0 ? HEIGHT : HEIGHT - (value / most) * (HEIGHT - TOP));
  const line = values.map((value, i) => `${(i * step).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
  return (
    <figure className="chart">
      <figcaption>
        <span>{title}</span>
        <strong>{format(last)}</strong>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT + 1}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title}: now ${format(last)}, at most ${format(most)}`}
      >
        <line x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} className="axis" />
        <polygon points={`0,${HEIGHT} ${line} ${WIDTH},${HEIGHT}`} className="area" />
        <polyline points={line} className="line" />
      </svg>
      <span className="scale" aria-hidden="true">
        {most > 0 ? `at most ${format(most)}` : 'quiet'}
      </span>
    </figure>
  );
}
