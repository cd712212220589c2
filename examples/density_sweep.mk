# From few notes to many, the rest alike: make -f examples/density_sweep.mk OUT=sweep
# Change a number and make again: only what changed is made.
OUT = sweep
KEY = C
DENSITIES = 2,4,6,8,10,12
N = 8

$(OUT)/manifest.jsonl: $(OUT).csv
	musiclc batch $< -O $(OUT)

$(OUT).csv: FORCE
	@printf 'id,command,bars,key,density,n,seed\n' > $@.new
	@for d in $$(echo $(DENSITIES) | tr , ' '); do printf 'density-%s,sample,4,%s,%s,%s,1\n' $$d "$(KEY)" $$d $(N) >> $@.new; done
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

.PHONY: FORCE
FORCE:
