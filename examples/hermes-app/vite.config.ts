import react from '@vitejs/plugin-react';
import { loadEnv, type Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/** What the build was made with stays readable in it: grep -r "SSE_ENABLED" dist/ */
function flagInMeta(flag: string): Plugin {
  return {
    name: 'hermes-sse-flag',
    transformIndexHtml: () => [{ tag: 'meta', attrs: { name: 'VITE_SSE_ENABLED', content: flag }, injectTo: 'head' }],
  };
}

export default defineConfig(({ mode }) => {
  const env = loadEnv(mode, process.cwd(), ['VITE_', 'HERMES_']);
  const proxy = { '/api': { target: env.HERMES_URL ?? 'http://127.0.0.1:8000' } };
  return {
    plugins: [react(), flagInMeta(env.VITE_SSE_ENABLED ?? 'false')],
    server: { proxy },
    preview: { proxy },
    build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
    test: {
      include: ['tests/**/*.test.{ts,tsx}'],
      setupFiles: ['tests/support/setup.ts'],
      // They mostly wait.
      maxWorkers: 4,
      minWorkers: 4,
      isolate: false,
      testTimeout: 15_000,
      hookTimeout: 15_000,
    },
  };
});
