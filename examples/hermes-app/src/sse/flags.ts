/** What decides whether SSE is used, and where the server is. A provider's property wins over config.json, which wins over the build. */
export interface Settings {
  sseEnabled: boolean;
  /** empty: relative URLs */
  apiBaseUrl: string;
  /** how often a server that is off or away is asked again */
  probeIntervalSeconds: number;
  /** asked for; 60 to 3600 */
  tokenTtlSeconds: number;
  /** the share of a token's life after which the next one is fetched */
  tokenRenewAt: number;
  /** assumed until the server's health has told */
  heartbeatSeconds: number;
  /** one connection for all tabs of this browser */
  shareAcrossTabs: boolean;
}

export type RuntimeConfig = Partial<Settings>;

type BuildEnvironment = Record<string, unknown>;

const DEFAULTS: Settings = {
  sseEnabled: false,
  apiBaseUrl: '',
  probeIntervalSeconds: 30,
  tokenTtlSeconds: 300,
  tokenRenewAt: 0.8,
  heartbeatSeconds: 30,
  shareAcrossTabs: true,
};

export function parseFlag(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return undefined;
  if (/^(true|1|yes|on)$/i.test(value.trim())) return true;
  if (/^(false|0|no|off)$/i.test(value.trim())) return false;
  return undefined;
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isPositive = (value: unknown): value is number =>
  typeof value === 'number' && value > 0 && Number.isFinite(value);

/** Members that are not what they should be count as absent: a broken config.json must not take the page down. */
export function readConfig(json: unknown): RuntimeConfig {
  const from = (typeof json === 'object' && json !== null ? json : {}) as Record<string, unknown>;
  const config: RuntimeConfig = {};
  const enabled = parseFlag(from.sseEnabled);
  const shared = parseFlag(from.shareAcrossTabs);

  if (enabled !== undefined) config.sseEnabled = enabled;
  if (shared !== undefined) config.shareAcrossTabs = shared;
  if (isText(from.apiBaseUrl)) config.apiBaseUrl = from.apiBaseUrl;
  if (isPositive(from.probeIntervalSeconds)) config.probeIntervalSeconds = from.probeIntervalSeconds;
  if (isPositive(from.tokenTtlSeconds)) config.tokenTtlSeconds = from.tokenTtlSeconds;
  if (isPositive(from.tokenRenewAt)) config.tokenRenewAt = from.tokenRenewAt;
  if (isPositive(from.heartbeatSeconds)) config.heartbeatSeconds = from.heartbeatSeconds;
  return config;
}

function buildConfig(build: BuildEnvironment): RuntimeConfig {
  return readConfig({ sseEnabled: build.VITE_SSE_ENABLED, apiBaseUrl: build.VITE_API_BASE_URL });
}

export function resolveSettings(
  properties: RuntimeConfig = {},
  config: RuntimeConfig = {},
  build: BuildEnvironment = import.meta.env ?? {},
): Settings {
  const settings = { ...DEFAULTS, ...buildConfig(build), ...readConfig(config), ...readConfig(properties) };
  return {
    ...settings,
    apiBaseUrl: settings.apiBaseUrl.replace(/\/+$/, ''),
    tokenRenewAt: Math.min(settings.tokenRenewAt, 0.95),
  };
}

/** Reads config.json beside the page; a server that has none, or is away, changes nothing. */
export async function loadRuntimeConfig(url = '/config.json'): Promise<RuntimeConfig> {
  try {
    const response = await fetch(url, { cache: 'no-cache', signal: AbortSignal.timeout(3000) });
    return response.ok ? readConfig(await response.json()) : {};
  } catch {
    return {};
  }
}
