import { useQuery } from "@tanstack/react-query";
import { call, get } from "../api/http";
import type { InstanceAnswer, ModelAnswer } from "../api/schema";

/** How the server is. */
export const useInstance = (refetchInterval: number | false = false) =>
  useQuery({ queryKey: ["instance"], queryFn: () => call<InstanceAnswer>("GET", "/api/instance/"), staleTime: 30_000, refetchInterval });

/** Which model answers in the project. */
export const useModel = () => useQuery({ queryKey: ["model"], queryFn: () => get<ModelAnswer>("assistant_model/") });
