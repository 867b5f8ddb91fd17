import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { ApiError, get, patch, post } from "../api/http";
import type { ProfileAnswer, TileAnswer } from "../api/schema";
import { Card, Empty, Failure, Heading, Loading } from "../parts/parts";
import { cell } from "../parts/show";
import { Arranger } from "./arranger";
import { nodes, type Kind, type Node } from "./layout";
import type { Subject } from "./properties";
import { Tile } from "./tile";

export const PersonPage = ({ id }: { id: string }) => (
  <ProfilePage kind="person" path={`customer_profiles/person/${encodeURIComponent(id)}/`} subject={{ kind: "person", id }} back={["/people", "People"]} />
);

export const GroupPage = ({ index, id }: { index: number; id: string }) => (
  <ProfilePage kind="group" path={`customer_profiles/group/${index}/${encodeURIComponent(id)}/`} subject={{ kind: "group", index, id }} back={[`/people?groups=${index}`, "Groups"]} />
);

/** The page of a person or group, as its saved layout says. */
function ProfilePage({ kind, path, subject, back: [href, title] }: { kind: Kind; path: string; subject: Subject; back: [string, string] }) {
  const client = useQueryClient();
  const profile = useQuery({ queryKey: ["profile", path], queryFn: () => get<ProfileAnswer>(path) });
  const [draft, setDraft] = useState<Node[] | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  if (profile.error instanceof ApiError && profile.error.status === 404)
    return (
      <Empty title={kind === "person" ? "Nobody has this id" : "There is no such group"} action={<Link href={href} className="button">{title}</Link>}>
        Deleted, merged into another, or never seen.
      </Empty>
    );
  if (profile.error) return <Failure error={profile.error} retry={() => profile.refetch()} />;
  if (!profile.data) return <Loading lines={8} />;
  const { content, sidebar, config, scope } = profile.data;

  const save = async (layout: Node[] | Record<string, never>) => {
    try {
      if (config) await patch(`customer_profile_configs/${config}/`, { content: layout });
      else await post("customer_profile_configs/", { scope, content: layout, sidebar: {} });
      setDraft(null);
      setFault(null);
    } catch (error) {
      setFault(error);
    }
    await client.invalidateQueries({ queryKey: ["profile"] });
  };
  return (
    <>
      <Link href={href} className="back">
        ‹ {title}
      </Link>
      <Heading title={name(content.concat(sidebar), profile.data.id)}>
        {draft ? (
          <>
            <button type="button" onClick={() => save({})}>
              Reset to default
            </button>
            <button type="button" onClick={() => setDraft(null)}>
              Cancel
            </button>
            <button type="button" className="primary" onClick={() => save(draft)}>
              Save for every {kind}
            </button>
          </>
        ) : (
          <button type="button" onClick={() => setDraft(nodes(content))}>
            Arrange tiles
          </button>
        )}
      </Heading>
      {fault !== null && <Failure error={fault} />}
      <div className="profile">
        <div>
          {sidebar.map((tile) => (
            <OneTile key={tile.type} tile={tile} subject={subject} />
          ))}
        </div>
        <div>
          {draft ? (
            <Arranger kind={kind} layout={draft} onChange={setDraft} />
          ) : (
            content.map((tile) => <OneTile key={tile.type} tile={tile} subject={subject} />)
          )}
          {!draft && content.length === 0 && <Empty title="Every tile is switched off">Arrange tiles to put some back.</Empty>}
        </div>
      </div>
    </>
  );
}

function OneTile({ tile, subject }: { tile: TileAnswer; subject: Subject }) {
  return (
    <Card title={tile.title} className="tile">
      <Tile tile={tile} subject={subject} />
    </Card>
  );
}

/** What to call the one whose page this is: by a property, else by the id. */
function name(tiles: TileAnswer[], id: string): string {
  const properties = tiles.find((tile) => tile.type.endsWith("-properties"))?.data as Record<string, unknown> | null | undefined;
  return cell(properties?.name ?? properties?.email ?? id);
}
