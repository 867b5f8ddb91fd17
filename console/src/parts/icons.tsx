const paths = {
  home: "M3 11l9-7 9 7v9h-6v-6H9v6H3z",
  ask: "M4 5h16v11H9l-5 4z",
  exports: "M12 4v11m0 0l-4-4m4 4l4-4M4 20h16",
  people: "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zm-6 9c0-4 3-6 6-6s6 2 6 6m1-15.500a3.500 3.500 0 0 1 0 6.200M17 14c2.500.5 4 2.600 4 6",
  data: "M4 6c0-1.700 3.600-3 8-3s8 1.300 8 3-3.600 3-8 3-8-1.300-8-3zm0 0v12c0 1.700 3.600 3 8 3s8-1.300 8-3V6m-16 6c0 1.700 3.600 3 8 3s8-1.300 8-3",
  settings: "M4 7h9m4 0h3M4 17h3m4 0h9M15 4.500v5M9 14.500v5",
  theme: "M12 3v18a9 9 0 0 0 0-18zm0 0a9 9 0 0 0 0 18",
  send: "M12 20V5m0 0l-6 6m6-6l6 6",
  stop: "M7 7h10v10H7z",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
