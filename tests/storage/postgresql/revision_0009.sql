-- The tables of the first catalogue in PostgreSQL (revision 0009), from which every later one has come.

CREATE TABLE blob (
    id VARCHAR COLLATE "C" NOT NULL,
    digest BYTEA,
    size BIGINT NOT NULL,
    refs BIGINT NOT NULL,
    marked BIGINT NOT NULL,
    crc32 BIGINT,
    PRIMARY KEY (id)
);
CREATE INDEX blob_digest ON blob (digest, size);
CREATE INDEX blob_unmeasured ON blob (id) WHERE digest IS NULL OR crc32 IS NULL;
CREATE INDEX blob_unused ON blob (id) WHERE refs = 0;
CREATE TABLE change (
    number BIGSERIAL NOT NULL,
    kind VARCHAR COLLATE "C" NOT NULL,
    node BIGINT NOT NULL,
    is_folder BIGINT NOT NULL,
    path VARCHAR COLLATE "C" NOT NULL,
    source VARCHAR COLLATE "C",
    at BIGINT NOT NULL,
    actor VARCHAR COLLATE "C" NOT NULL,
    chain VARCHAR COLLATE "C" DEFAULT '/1/' NOT NULL,
    source_chain VARCHAR COLLATE "C",
    PRIMARY KEY (number)
);
CREATE INDEX change_at ON change (at);
CREATE TABLE node (
    id BIGSERIAL NOT NULL,
    parent BIGINT,
    key VARCHAR COLLATE "C" NOT NULL,
    name VARCHAR COLLATE "C" NOT NULL,
    folded VARCHAR COLLATE "C" NOT NULL,
    kind BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT,
    size BIGINT,
    media_type VARCHAR COLLATE "C",
    PRIMARY KEY (id),
    CONSTRAINT node_place UNIQUE (parent, key),
    FOREIGN KEY(parent) REFERENCES node (id)
);
CREATE INDEX node_created ON node (created_at, id) WHERE kind = 1;
CREATE INDEX node_key ON node (key, id) WHERE kind = 1;
CREATE INDEX node_size ON node (size, id) WHERE kind = 1;
CREATE INDEX node_updated ON node (updated_at, id) WHERE kind = 1;
CREATE TABLE pin (
    id BIGSERIAL NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE state (
    id BIGSERIAL NOT NULL,
    epoch VARCHAR COLLATE "C" NOT NULL,
    stored_bytes BIGINT NOT NULL,
    forgotten BIGINT NOT NULL,
    indexed BIGINT DEFAULT 0 NOT NULL,
    last_change BIGINT DEFAULT 0 NOT NULL,
    installation VARCHAR COLLATE "C" DEFAULT '' NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE account (
    owner BIGINT NOT NULL,
    quota BIGINT NOT NULL,
    stored_bytes BIGINT NOT NULL,
    PRIMARY KEY (owner),
    FOREIGN KEY(owner) REFERENCES node (id)
);
CREATE TABLE tag (
    node BIGINT NOT NULL,
    tag VARCHAR COLLATE "C" NOT NULL,
    PRIMARY KEY (node, tag),
    FOREIGN KEY(node) REFERENCES node (id)
);
CREATE INDEX tag_tag ON tag (tag, node);
CREATE TABLE trash (
    id BIGSERIAL NOT NULL,
    node BIGINT NOT NULL,
    path VARCHAR COLLATE "C" NOT NULL,
    deleted_at BIGINT NOT NULL,
    actor VARCHAR COLLATE "C" NOT NULL,
    chain VARCHAR COLLATE "C" DEFAULT '/1/' NOT NULL,
    account BIGINT DEFAULT 1 NOT NULL,
    shared BIGINT DEFAULT 0 NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (node),
    FOREIGN KEY(node) REFERENCES node (id)
);
CREATE INDEX trash_account ON trash (account) WHERE account != 1;
CREATE INDEX trash_deleted ON trash (deleted_at);
CREATE INDEX trash_evictable ON trash (account, id) WHERE shared = 0;
CREATE TABLE version (
    id BIGSERIAL NOT NULL,
    node BIGINT NOT NULL,
    blob VARCHAR COLLATE "C" NOT NULL,
    media_type VARCHAR COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    superseded_at BIGINT,
    modified_at BIGINT,
    account BIGINT DEFAULT 1 NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(node) REFERENCES node (id),
    FOREIGN KEY(blob) REFERENCES blob (id)
);
CREATE INDEX version_account ON version (account, id) WHERE account != 1;
CREATE INDEX version_blob ON version (blob);
CREATE INDEX version_evictable ON version (account, superseded_at, id) WHERE superseded_at IS NOT NULL;
CREATE INDEX version_node ON version (node, id);
CREATE INDEX version_superseded ON version (superseded_at, id) WHERE superseded_at IS NOT NULL;
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
INSERT INTO alembic_version VALUES ('0009');
INSERT INTO node (id, key, name, folded, kind, created_at, updated_at)
SELECT number, '', '', '', 0, 0, 0 FROM generate_series(1, 3) AS number;
SELECT setval('node_id_seq', 3);
INSERT INTO state (id, epoch, stored_bytes, forgotten) VALUES (1, 'aaaaaaaa', 0, 0);
