/// <reference types="vite/client" />

interface ImportMetaEnv {
  readonly VITE_SSE_ENABLED?: string;
  readonly VITE_API_BASE_URL?: string;
}
